"""The servers and limits that onsale is measured beside."""
