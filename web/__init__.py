"""The telling side: HTTP, live websocket, pages; knows events and read models, never actors."""
