#include "calc.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "adds") == 0)
        return add(2, 3) != 5;
    if (strcmp(argv[1], "says") == 0)
        return printf("<\"\xc3\xa9\"> & more\n") < 0;
    return 77; /* not written yet */
}
