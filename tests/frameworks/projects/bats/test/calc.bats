setup() {
    . "$BATS_TEST_DIRNAME/../calc.sh"
}

@test "adds" {
    [ "$(add 2 3)" = 5 ]
}

@test "says <\"é\"> & more" {
    true
}

@test "divides" {
    skip "not written yet"
}
