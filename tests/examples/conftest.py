"""The examples with pages are tried in the same browser, and watched as closely, as the chat is."""

from tests.e2e.conftest import browser as browser
from tests.e2e.conftest import visitors as visitors
