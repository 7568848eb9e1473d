<?php

use PHPUnit\Framework\TestCase;

final class CalcTest extends TestCase
{
    public function testAdds(): void
    {
        $this->assertSame(5, add(2, 3));
    }

    /** @dataProvider words */
    public function testSays(string $word): void
    {
        $this->assertNotSame('', $word);
    }

    public static function words(): array
    {
        return ['plain' => ['plain'], '<"é"> & more' => ['<"é"> & more']];
    }

    public function testDivides(): void
    {
        $this->markTestSkipped('not written yet');
    }
}
