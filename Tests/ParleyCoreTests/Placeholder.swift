enum ParleyCoreTestsPlaceholder {}
