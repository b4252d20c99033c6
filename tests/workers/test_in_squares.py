"""A patient's page that is kept for a script's author: where things stand, and no word of them."""

from io import BytesIO

from PIL import Image, ImageDraw

from workers.browser.evidence import SQUARE, in_squares


def test_within_a_square_everything_is_one_colour() -> None:
    page = Image.new("RGB", (10 * SQUARE, 4 * SQUARE), "white")
    ImageDraw.Draw(page).text((30, 20), "Ada Dunmore 03/17/1984", fill="black", font_size=16)
    out = BytesIO()
    page.save(out, "PNG")
    with Image.open(BytesIO(in_squares(out.getvalue()))) as kept:
        assert kept.size == page.size
        squares = [
            kept.crop((x, y, x + SQUARE, y + SQUARE)).getcolors()
            for x in range(0, kept.width, SQUARE)
            for y in range(0, kept.height, SQUARE)
        ]
    assert {len(one) for one in squares} == {1}
    assert len({one[0][1] for one in squares}) > 1
