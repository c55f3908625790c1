"""What a trial is: its specification, what is drawn of it, and the plan that says all of it."""
