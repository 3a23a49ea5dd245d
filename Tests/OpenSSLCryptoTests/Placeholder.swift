enum OpenSSLCryptoTestsPlaceholder {}
