"""What a run starts from: pretrained encoders, their tokenizers, and model folders."""
