"""Classical models beside a network, saved with it as one model: each is fitted by scikit-learn and computed by Keras' own operations."""
