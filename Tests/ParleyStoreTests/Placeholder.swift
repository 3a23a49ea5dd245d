enum ParleyStoreTestsPlaceholder {}
