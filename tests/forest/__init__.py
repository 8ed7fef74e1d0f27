"""The isolation forest: scores, features, model file, fitting, reasons."""
