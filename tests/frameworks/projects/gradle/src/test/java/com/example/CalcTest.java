package com.example;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.fail;

import org.junit.Ignore;
import org.junit.Test;

public class CalcTest {
    @Test
    public void adds() {
        assertEquals(5, Calc.add(2, 3));
    }

    @Test
    public void says() {
        System.out.println("<\"\u00e9\"> & more");
    }

    @Test
    @Ignore("not written yet")
    public void divides() {
        fail();
    }
}
