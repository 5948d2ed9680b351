// Pictures of all views, to be looked at.
import { pointAt } from "./hands.mjs";

const FORMS = [
  ["light", { width: 1400 }],
  ["dark", { width: 1400, dark: true }],
  ["phone", { width: 400, height: 800 }],
];

export async function shoot(open, spec) {
  for (const which of Object.keys(spec.pages).filter((name) => name !== "notebook"))
    for (const [name, options] of FORMS) {
      const { page, context } = await open(spec.pages[which], options);
      const save = (what) => page.screenshot({ path: `${spec.shots}/${which}-${name}-${what}.png`, fullPage: true });
      for (const view of ["results", "training", "graph", "code", "network"]) {
        await page.locator(`#tab-${view}`).click();
        await page.waitForTimeout(150);
        if (view !== "network") await save(view);
      }
      // All layers are painted for paper, not only those near the window.
      await page.evaluate(() => ["beforeprint", "afterprint"].forEach((name) => dispatchEvent(new Event(name))));
      if (which === "lenet") {
        await page.getByRole("button", { name: "Saliency", exact: true }).click();
        const { conv } = spec.lenet;
        await pointAt(page, conv.layer, conv.point);
        await page.waitForTimeout(100);
        await page.mouse.down();
        await page.mouse.up();
        await page.getByTestId("pin").click();
        for (let i = 0; i < 8; i++) await page.getByTestId("step").click();
      }
      await page.evaluate(() => scrollTo(0, 0));
      await page.waitForTimeout(300);
      await save("network");
      await page.getByTestId("deep").click();
      await page.waitForTimeout(150);
      await save("deep");
      await page.emulateMedia({ media: "print" });
      if (name === "light" && which === "lenet") await save("print");
      await context.close();
    }
}
