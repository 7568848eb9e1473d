const { add } = require("./calc");

describe("calc", () => {
  test("adds", () => {
    expect(add(2, 3)).toBe(5);
  });

  test('says <"é"> & more', () => {
    expect(true).toBe(true);
  });

  test.skip("divides", () => {
    throw new Error("not written yet");
  });
});
