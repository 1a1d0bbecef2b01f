"""What pre-training and fine-tuning share: devices, ranks, checkpoints, logs, random numbers, signals."""
