"""Marks on pictures: colours, coats, discs, boxes; drawing them and finding them again."""
