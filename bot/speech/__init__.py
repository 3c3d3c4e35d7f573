"""Clips to transcripts: bounded decoding in a child process, then Whisper.

`bot.speech.transcriber.WhisperTranscriber` is the way in. Nothing is imported here, so that the decoding child loads no
more than it needs.
"""
