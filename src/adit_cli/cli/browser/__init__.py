"""The browser of `adit query --interactive`. Whatever imports Textual is in here, and imported only then."""
