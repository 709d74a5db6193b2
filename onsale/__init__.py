"""The application: settings, connections, transport, commands; the wiring that joins the layers."""
