"""What a network begins with or learns from that was learned before: weights, features, the answers of a teacher."""
