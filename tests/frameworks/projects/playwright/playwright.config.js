module.exports = { testDir: "e2e" };
