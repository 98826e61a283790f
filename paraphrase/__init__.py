"""Instructions: template banks, the grammar that fills them, rewriting and a report on their diversity."""
