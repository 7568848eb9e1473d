import assert from "node:assert";
import { describe, it } from "node:test";
import { add } from "../calc.js";

describe("calc", () => {
  it("adds", () => {
    assert.strictEqual(add(2, 3), 5);
  });

  it('says <"é"> & more', () => {
    assert.ok(true);
  });

  it.skip("divides", () => {
    throw new Error("not written yet");
  });
});
