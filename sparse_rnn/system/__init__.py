"""What touches the machine: files, locks, the terminal, signals, devices, and the largest sizes."""
