"""What codes mean: value sets, which a programme loads and which are compiled into one file that is only read."""
