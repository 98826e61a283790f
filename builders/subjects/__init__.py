"""What an instruction is about: people, faces, captions, one object among many, condition pictures."""
