"""What touches the machine: files, the terminal, compiled code, and the largest sizes."""
