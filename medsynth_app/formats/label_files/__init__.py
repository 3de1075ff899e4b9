"""Labels of cells in the forms that other programs read and write; `table` knows which there are."""
