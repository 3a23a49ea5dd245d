enum ParleyHTTPPlaceholder {}
