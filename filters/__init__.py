"""Scores of triplets and cuts made from them: embeddings, aesthetics, KNN-GIQA, pair measures, rules and a report."""
