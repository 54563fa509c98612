"""The recipes: one script a job. A recipe is named here and has a file of that name, with underscores."""

RECIPES = {
    "image-classification": "Train an image classifier: any source of labelled images, any model, techniques as flags.",
    "text-classification": "Train a classifier of texts: any source of labelled texts, any model for sequences, techniques as flags.",
    "sequence-classification": "Train a classifier of series: time series and audio, any model for sequences, techniques as flags.",
    "tabular-classification": "Train a classifier of tables: numbers and categories from CSV files or TensorFlow Datasets.",
    "regression": "Train a network that predicts numbers from tables or series: values or their quantiles.",
}
