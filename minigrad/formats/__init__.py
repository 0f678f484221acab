"""Files: weights in the safetensors format."""
