"""Results that say that they are synthetic, and files that are asked whether they do."""
