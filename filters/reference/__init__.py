"""References of KNN-GIQA: many pictures' vectors, kept exactly, with an index that finds the nearest of them."""
