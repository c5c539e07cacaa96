"""Facts: whole slices, replaced where their landed rows or what they are judged by changed."""
