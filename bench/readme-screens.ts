import {readFileSync, writeFileSync} from 'node:fs';

/**
 * Puts the pictures of docs/screens.md into the README, where they stand
 * between their marks: the first one open, the others folded.
 */
const pictures = [
	...readFileSync('docs/screens.md', 'utf8').matchAll(/^## (.*)\n\n(```text\n[^`]*```\n)/gm),
].map(([, title, picture]) => ({title: title!, picture: picture!}));
const [first, ...others] = pictures;
if (!first) throw new Error('docs/screens.md shows no screen');
const folded = others.map(
	({title, picture}) => `<details><summary>${title}</summary>\n\n${picture}\n</details>\n`,
);
const between = (text: string, mark: string, content: string): string => {
	const marks = new RegExp(`(<!-- ${mark} -->\n)[^]*?(<!-- end -->)`);
	if (!marks.test(text)) throw new Error(`README.md has no place for the ${mark}`);
	return text.replace(marks, (_, begin: string, end: string) => `${begin}${content}${end}`);
};
const readme = readFileSync('README.md', 'utf8');
const withFirst = between(readme, 'first screen', first.picture);
writeFileSync('README.md', between(withFirst, 'other screens', folded.join('\n')));
