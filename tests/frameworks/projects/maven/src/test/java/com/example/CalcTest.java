package com.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.fail;

import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CalcTest {
    @Test
    void adds() {
        assertEquals(5, Calc.add(2, 3));
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "<\"é\"> & more"})
    void says(String word) {
        assertFalse(word.isEmpty());
    }

    @Test
    @Disabled("not written yet")
    void divides() {
        fail();
    }
}
