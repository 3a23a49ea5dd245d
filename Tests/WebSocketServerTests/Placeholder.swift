enum WebSocketServerTestsPlaceholder {}
