"""Sound: WAV files and whistles."""
