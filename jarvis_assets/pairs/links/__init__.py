"""Which earlier turn a turn answers: the reply-link model, from candidates to calibrated probabilities."""
