"""The live side: a seat board per watched event, the news it hears, its followers."""
