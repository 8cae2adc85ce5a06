// What PurgeCSS keeps of Tabler's style sheet. Run by scripts/vendor.py from the project's folder.
module.exports = {
  css: ["node_modules/@tabler/core/dist/css/tabler.min.css"],
  content: [
    "templates/**/*.html",
    "app/**/*.py",
    "static/app.js",
    // The theme is chosen by the reader, so both words may be missing from the files above.
    { raw: '<html data-bs-theme="light"></html><html data-bs-theme="dark"></html>', extension: "html" },
  ],
  // A class name is any run of these characters, in HTML, Jinja, Python and JavaScript alike.
  defaultExtractor: (text) => text.match(/[A-Za-z0-9_-]+/g) || [],
  keyframes: true,
  // static/app.css uses and overrides Tabler's variables and is not among the files above.
  variables: false,
};
