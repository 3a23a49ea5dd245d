enum WebSocketServerPlaceholder {}
