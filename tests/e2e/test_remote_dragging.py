"""Things of a portal's page that are dragged from one place in it to another."""

import pytest

from tests.e2e.remote import Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
BOARD = """<style>div { width: 200px; height: 80px; border: 1px solid }</style>
<p id=card draggable=true>Claim 4711</p><div id=done>Done</div><input id=note>
<script>
  const card = document.getElementById('card'), done = document.getElementById('done'), heard = [];
  card.ondragstart = (event) => { heard.push('start'); event.dataTransfer.setData('text/plain', 'clm_4711'); };
  card.ondragend = (event) => heard.push('end ' + event.dataTransfer.dropEffect);
  done.ondragenter = done.ondragover = (event) => event.preventDefault();
  done.ondrop = (event) => { event.preventDefault(); heard.push(event.dataTransfer.getData('text/plain')); done.append(card); };
</script>"""


@pytest.fixture(autouse=True)
def one_tab(maria: Viewer) -> None:
    """Each test begins with one tab."""
    maria.one_tab()


def drag(maria: Viewer, what: str, where: str, *, steps: int = 6) -> None:
    maria.page.mouse.move(*maria.point(what))
    maria.page.mouse.down()
    maria.page.mouse.move(*maria.point(where), steps=steps)


@pytest.mark.parametrize("steps", [6, 1], ids=["slowly", "in one go"])
def test_a_card_is_dropped_where_it_belongs(maria: Viewer, remote: Remote, steps: int) -> None:
    remote.show(BOARD)
    drag(maria, "#card", "#done", steps=steps)
    maria.page.mouse.up()
    remote.until("document.querySelector('#done #card') && heard.length > 2")
    assert remote.see("heard.slice(0, 2)") == ["start", "clm_4711"]
    maria.click("#note")
    maria.page.keyboard.type("filed")
    remote.until("document.getElementById('note').value === 'filed'")


def test_escape_drops_nothing(maria: Viewer, remote: Remote) -> None:
    remote.show(BOARD)
    drag(maria, "#card", "#done")
    remote.until("heard.includes('start')")
    maria.page.keyboard.press("Escape")
    maria.page.mouse.up()
    remote.until("heard.includes('end none')")
    assert remote.see("document.querySelector('#done #card')") is None


def test_selected_words_are_dragged_into_a_field(maria: Viewer, remote: Remote) -> None:
    remote.show("<p><span id=words>HD1000427315566</span></p><input id=member style='margin-top:100px'>")
    remote.see("getSelection().selectAllChildren(document.getElementById('words'))")
    drag(maria, "#words", "#member")
    maria.page.mouse.up()
    remote.until("document.getElementById('member').value === 'HD1000427315566'")
