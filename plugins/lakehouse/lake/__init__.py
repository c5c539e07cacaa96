"""The lake's files, on a disk or a storage account."""
