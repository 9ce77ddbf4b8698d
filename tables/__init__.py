"""The Faust tables, one small file each."""
