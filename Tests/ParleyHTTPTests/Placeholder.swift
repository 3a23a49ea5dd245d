enum ParleyHTTPTestsPlaceholder {}
