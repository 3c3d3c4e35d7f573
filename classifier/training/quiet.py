"""Keep the training libraries from writing over the progress bar."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as transformers_logging

# The empty name is the root, by which onnxruntime's quantiser advises a step that our models do not need.
_CHATTY = ("", "torch.onnx", "torch.export", "onnxscript", "onnx_ir", "onnxruntime.quantization")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Show only the errors of transformers and of the exporter while the block runs."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    before = [logger.level for logger in loggers]
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    try:
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
