"""hubbub inside FastAPI; nothing below imports FastAPI."""
