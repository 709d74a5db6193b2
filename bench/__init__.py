"""Load programs that speak HTTP and WebSocket and import nothing of the server they measure."""
