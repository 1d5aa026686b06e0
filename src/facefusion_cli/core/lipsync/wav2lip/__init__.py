"""The engine of the Wav2Lip network."""
