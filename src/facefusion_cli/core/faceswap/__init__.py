"""Face swapping: engines and the job that uses them."""
