"""What trains many: the floor under comparisons and searches. A kind of study is an `Agenda`, and what prepares it."""
