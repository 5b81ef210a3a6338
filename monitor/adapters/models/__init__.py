"""The models: an encoder, a judge for English and one for other languages, and the index of claims."""
